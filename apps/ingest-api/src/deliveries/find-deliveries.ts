import { type Database, type DeliveriesOf, searchDeliveries, type SearchBounds } from '@app/storage';
import { pageOfSearch } from '../http/cursor.js';
import { timeRange } from '../http/time-range.js';
import type { DeliveryQuery } from './delivery.query.js';
import { type DeliveryList, viewDelivery } from './delivery.view.js';

/** A page of the deliveries that a request asks for. */
export function findDeliveries(database: Database, of: DeliveriesOf, query: DeliveryQuery, bounds: SearchBounds): Promise<DeliveryList> {
  const { status, type, errorClass } = query;
  const filter = { status, type, errorClass, ...timeRange(query) };
  return pageOfSearch(query, (page) => searchDeliveries(database, of, filter, page, bounds), viewDelivery);
}
