import { accepted, slot, succeeded } from './history.mjs';

/**
 * The order of keys, as far as it was promised: a message that was acknowledged before another one of its key was sent comes before it. The other one may not
 * arrive, at any attempt, before the consumer has answered 2xx to this one. Those that were published at the same time may come in any order.
 */
export function outOfOrder(run, violate) {
  for (const consumer of run.ordered) for (const messages of byKey(run, consumer).values()) checkKey(consumer, messages, violate);
}

/** What is known of the acknowledged messages of a consumer's keys. */
function byKey({ publishes, consumers, arrivals }, consumer) {
  const keys = new Map();
  for (const { key, channel, orderingKey, sentAt, answers } of publishes) {
    const answer = answers.find(accepted);
    if (!answer || orderingKey === undefined || !consumers[channel].includes(consumer)) continue;
    const seen = arrivals.get(slot(answer.id, consumer)) ?? [];
    const message = {
      key,
      sentAt,
      acknowledgedAt: answer.at,
      firstAt: Math.min(...seen.map(({ at }) => at)),
      takenAt: Math.min(...seen.filter(succeeded).map(({ at }) => at)),
    };
    keys.set(orderingKey, [...(keys.get(orderingKey) ?? []), message]);
  }
  return keys;
}

function checkKey(consumer, messages, violate) {
  const acknowledged = messages.toSorted((a, b) => a.acknowledgedAt - b.acknowledgedAt);
  let next = 0;
  /** Of those acknowledged so far, the one that was taken last. */
  let last;
  for (const message of messages.toSorted((a, b) => a.sentAt - b.sentAt)) {
    for (; acknowledged[next]?.acknowledgedAt < message.sentAt; next++)
      if (last === undefined || acknowledged[next].takenAt > last.takenAt) last = acknowledged[next];
    if (last !== undefined && message.firstAt < last.takenAt)
      violate(
        'out of order',
        `${message.key} came to ${consumer} ${Math.round(last.takenAt - message.firstAt)} ms before ${last.key} was taken`,
      );
  }
}
