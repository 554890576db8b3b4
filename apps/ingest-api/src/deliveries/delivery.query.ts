import { IsIn, IsOptional } from 'class-validator';
import { type DeliveryStatus, deliveryStatuses, type ErrorClass, errorClasses } from '@app/domain';
import { PublishedQuery } from '../http/published.query.js';

export class DeliveryQuery extends PublishedQuery {
  /** Only deliveries with this status. Of the `dead`, those whose dead letters are there: not what was discarded, and no tests. */
  @IsOptional()
  @IsIn(Object.keys(deliveryStatuses))
  status?: DeliveryStatus;

  /**
   * Only those whose last attempt failed like this.
   * @example "timeout"
   */
  @IsOptional()
  @IsIn(errorClasses)
  errorClass?: ErrorClass;
}
