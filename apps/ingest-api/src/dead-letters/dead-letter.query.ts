import { IntersectionType } from '@nestjs/swagger';
import { ListQuery } from '../http/list.query.js';
import { DeadLetterConditions } from './dead-letter-conditions.js';

export class DeadLetterQuery extends IntersectionType(ListQuery, DeadLetterConditions) {}
