import {
  type DeliveredMessage,
  deliveryHeaders,
  headerPairs,
  type Id,
  MASK,
  shownHeaders,
  signatureHeaderNames,
  signatureHeaders,
  STANDARD_SIGNATURE,
} from '@app/domain';
import type { AttemptRow, Consumer } from '@app/storage';

/** Of one delivery: where it went, and what. */
export interface Sent {
  channel: string;
  consumer: Consumer;
  /** The consumer's static headers, as they may be shown. */
  headers: Readonly<Record<string, string>>;
  id: Id;
  /** A request of a replay names its job, which is not known of an attempt. */
  replays: number;
  /** Undefined when it is not there any more. */
  message: DeliveredMessage | undefined;
}

const SIGNATURE = 'webhook-signature';

/**
 * The headers of an attempt whose headers were not kept, because it was delivered: made again from the message and the consumer, secrets and signatures masked.
 * null where they may have been others: the consumer has changed since, it takes batches or pulls, the delivery was replayed, or the message is gone.
 */
export function rebuiltRequest(
  { channel, consumer, headers, id, replays, message }: Sent,
  attempt: AttemptRow,
): Record<string, string> | null {
  const same = consumer.updatedAt.getTime() <= attempt.startedAt.getTime();
  const posted = consumer.type === 'push' && consumer.batch === null && attempt.node !== null && attempt.errorClass === null;
  if (!message || !same || !posted || replays > 0) return null;
  const settings = consumer.signature ?? STANDARD_SIGNATURE;
  const signature = signatureHeaders({ settings, keys: [] }, id, NOTHING, attempt.startedAt.getTime());
  const to = {
    channel,
    consumer: consumer.name,
    headers: [...Object.entries(headers).flat(), ...(consumer.auth ? ['authorization', MASK] : [])],
  };
  const signatureNames = signatureHeaderNames(settings);
  const sent = deliveryHeaders(to, message, { number: attempt.number, signature, signatureNames });
  const shown = shownHeaders(headerPairs(sent), signatureNames);
  const signed = [SIGNATURE, settings.header].flatMap((name) => (name !== null && name in shown ? [[name, MASK]] : []));
  return { ...shown, ...Object.fromEntries(signed) };
}

const NOTHING = Buffer.alloc(0);
