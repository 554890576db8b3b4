import type { Unjudged } from '@app/domain';

export class FilterTestView {
  /** Whether the message would go to the consumer. */
  matches!: boolean;
  /** Set when the filter could not be judged, for which reason the message would be delivered. */
  unjudged!: Unjudged | null;
}
