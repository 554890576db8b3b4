import type { AuditRow } from '@app/storage';

export class AuditView {
  id!: string;
  /** When the request came. */
  at!: Date;
  /** Who: the id of the key; `admin`: the operator's. */
  key!: string;
  /** What the key was called at that time. */
  keyName!: string;
  method!: string;
  /**
   * The path with its parameters named.
   * @example "/v1/channels/:channel/consumers/:consumer/pause"
   */
  route!: string;
  /**
   * What was written.
   * @example "/v1/channels/orders/consumers/billing"
   */
  resource!: string;
  /** Names of the fields that changed, or that an act was given; never their values. */
  fields!: string[];
  /** The status of the answer: what is 400 or more changed nothing, unless it is 500 or more and says otherwise. */
  status!: number;
  /** The answer's `x-request-id`; also in the log. */
  requestId!: string;
  /** The address that the request came from. */
  from!: string;
}

export class AuditList {
  items!: AuditView[];
  /** Of the next page; null at the end. */
  cursor!: string | null;
}

export const viewAudit = (row: AuditRow): AuditView => ({
  id: row.id,
  at: row.at,
  key: row.keyId,
  keyName: row.keyName,
  method: row.method,
  route: row.route,
  resource: row.resource,
  fields: [...row.fields],
  status: row.status,
  requestId: row.requestId,
  from: row.address,
});
