import type { Exhausted, Id, Ordering } from '@app/domain';

/** The place of a delivery in the order of its key, which it has from when it is ready for the first time until it has ended for good. */
export interface KeyPlace {
  hash: Id;
  /** Numbers of a key are without gaps; no two deliveries of a consumer have the same one. */
  seq: Id;
  /** Whether those behind it wait on when it is dead. */
  blocks: boolean;
}

/** A key, or a list of them, of `ready` and `retry` rows; NULL in those that have no place in an order. */
export interface KeyColumns {
  key_hash: Id | null;
  key_seq: Id | null;
}

export interface OrderingColumns {
  ordering: Ordering;
  ordering_exhausted: Exhausted;
}

/** Those behind a dead letter wait only while its consumer wants them to. */
export const keyPlaceOf = (row: KeyColumns, consumer: OrderingColumns | undefined): { key?: KeyPlace } =>
  row.key_hash === null || row.key_seq === null
    ? {}
    : {
        key: {
          hash: row.key_hash,
          seq: row.key_seq,
          blocks: consumer?.ordering === 'key' && consumer.ordering_exhausted === 'block',
        },
      };

/** The claim of a delivery whose message is not there any more: nobody can send it again, and so nobody waits for it when it is dead. */
export const blockingNobody = <Claim extends { key?: KeyPlace }>(claim: Claim): Claim =>
  claim.key ? { ...claim, key: { ...claim.key, blocks: false } } : claim;
