import { deliveryStatusCode, deliveryStatusName, type DeliveryStatus, type ErrorClass } from '@app/domain';
import type { Database } from '../database.js';
import { deliveryRows } from '../key-rows.js';
import { DELIVERY, type DeliveryRow, type Stored } from '../reads.js';
import { candidatesOf, type DeliveriesOf } from './delivery-places.js';
import { type Found, inOrder, type Place, search, type SearchBounds, type SearchPage, type TimeRange } from './scan.js';
import { allOf, type Condition, isOfType } from './type-pattern.js';

/** Which deliveries; all when empty. The times are those of the messages' ids. */
export interface DeliveryFilter extends TimeRange {
  status?: DeliveryStatus;
  /** An event type; `*` stands for any characters. */
  type?: string;
  /** Of the last failure. */
  errorClass?: ErrorClass;
}

type PlacedDelivery = DeliveryRow & { consumerId: number };

/**
 * Deliveries to one consumer, or to all of a channel: newest message first, of one message the youngest consumer first. Those that are not finished or dead
 * are looked for where they wait, not among all that were delivered (delivery-places.ts).
 */
export function searchDeliveries(
  database: Database,
  of: DeliveriesOf,
  filter: DeliveryFilter,
  page: SearchPage,
  bounds: SearchBounds,
): Promise<Found<PlacedDelivery>> {
  const conditions = conditionsOf(filter);
  return search<PlacedDelivery>(
    {
      everything: conditions.length === 0,
      placeOf,
      candidates: candidatesOf(database, of, filter),
      matching: async (places) => {
        const { where, values } = allOf(conditions);
        const rows = await database.query<Stored<PlacedDelivery>[]>(
          `SELECT ${DELIVERY}, d.consumer_id AS consumerId FROM ${deliveryRows()} STRAIGHT_JOIN consumer c FORCE INDEX (PRIMARY) ON c.id = d.consumer_id
            ${filter.type === undefined ? '' : 'STRAIGHT_JOIN message m FORCE INDEX (PRIMARY) ON m.id = d.message_id'} WHERE ${where}`,
          [JSON.stringify(places.map(({ messageId, consumerId }) => [messageId, consumerId])), ...values],
        );
        return inOrder(
          rows.map((row) => ({ ...row, status: deliveryStatusName(row.status) })),
          placeOf,
        );
      },
    },
    page,
    bounds,
  );
}

const placeOf = ({ messageId, consumerId }: Place): Place => ({ messageId, consumerId });

function conditionsOf({ status, type, errorClass }: DeliveryFilter): Condition[] {
  const conditions: Condition[] = [];
  if (status !== undefined) conditions.push(['d.status = ?', deliveryStatusCode(status)]);
  if (errorClass !== undefined) conditions.push(['d.error_class = ?', errorClass]);
  if (type !== undefined) conditions.push(isOfType('m.type', type));
  return conditions;
}
