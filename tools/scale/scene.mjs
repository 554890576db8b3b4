/** How long the slow consumer takes to answer, and how many deliveries it takes at a time: somewhat more than 50 a second. */
const slowAnswerMs = 60;
const slowInFlight = 4;
const idlePerChannel = 100;

/** The first of the channels; a backlog is that of its slow consumer. */
export const busiestChannel = 'active-1';

/**
 * Channels with two consumers each, one that answers at once and one that takes its time, until `active` consumers get messages; the others of
 * `consumers` are a hundred to a channel and get none. As `Broker.register` takes them: those that are published to come first, `published` of them.
 */
export function sceneOf({ consumers, active }, sinkUrl) {
  const quick = { url: `${sinkUrl}/quick` };
  const slow = { url: `${sinkUrl}/slow?after=${slowAnswerMs}`, maxInFlight: slowInFlight };
  const channels = Array.from({ length: Math.ceil(active / 2) }, (_, n) => ({
    name: `active-${n + 1}`,
    consumers: [
      { name: 'quick', ...quick },
      { name: 'slow', ...slow },
    ],
  }));
  const idle = Math.max(0, consumers - 2 * channels.length);
  const others = Array.from({ length: Math.ceil(idle / idlePerChannel) }, (_, n) => ({
    name: `idle-${n + 1}`,
    consumers: Array.from({ length: Math.min(idlePerChannel, idle - n * idlePerChannel) }, (_none, m) => ({
      name: `consumer-${m + 1}`,
      ...quick,
    })),
  }));
  return { channels: [...channels, ...others], published: channels.length };
}
