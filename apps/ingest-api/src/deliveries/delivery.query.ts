import { IsIn, IsOptional } from 'class-validator';
import { type DeliveryStatus, deliveryStatuses } from '@app/domain';
import { ListQuery } from '../http/list.query.js';

export class DeliveryQuery extends ListQuery {
  /** Only deliveries with this status. Others are read and passed over, so that a rare status takes longer. */
  @IsOptional()
  @IsIn(Object.keys(deliveryStatuses))
  status?: DeliveryStatus;
}
