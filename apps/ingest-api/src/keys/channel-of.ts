import { type CustomDecorator, SetMetadata } from '@nestjs/common';

export const CHANNEL_OF = 'posthorn:channel-of';
export type ChannelPlace = 'query' | 'job';

/** Where a route's channel is, for its rights, when it is not in its path: in its query, or that of the job in its path. */
export const ChannelOf = (place: ChannelPlace): CustomDecorator => SetMetadata(CHANNEL_OF, place);
