/** The channel of the sick consumers. */
export const sick = 'sick';
export const slowName = (number) => `slow-${number}`;
export const refusingName = 'refusing';

const consumersOfChannel = 10;
const slowAfterMs = 10_000;
/** Nothing listens there. */
const refusingPort = 1;
/** Of five messages, four go to the healthy consumers and one to the others. */
const healthyTurns = 4;

/** Messages a second in all, of which `rate` go to healthy consumers. */
export const rateInAll = (rate) => rate * (1 + 1 / healthyTurns);

/**
 * The healthy consumers' channels, ten consumers each, and after them the sick ones'; without sickness those answer at once, like everybody.
 * `copies` says how many consumers of a channel are among the healthy ones, whose latency counts.
 */
export function layoutOf({ healthy, slow }, mode) {
  const channels = Math.ceil(healthy / consumersOfChannel);
  const sizeOf = (index) => Math.min(consumersOfChannel, healthy - index * consumersOfChannel);
  return {
    layout: (sink) => [
      ...Array.from({ length: channels }, (_, index) => ({
        name: `bench-${index + 1}`,
        consumers: healthyOnes(sink, index + 1, sizeOf(index)),
      })),
      { name: sick, consumers: sickOnes(sink, slow, mode === 'with') },
    ],
    copies: [...Array.from({ length: channels }, (_, index) => sizeOf(index)), 0],
  };
}

const healthyOnes = (sink, channel, count) =>
  Array.from({ length: count }, (_, index) => ({ name: `consumer-${index + 1}`, url: `${sink}/healthy/${channel}/${index + 1}` }));

function sickOnes(sink, slow, areSick) {
  const after = areSick ? `?after=${slowAfterMs}` : '';
  return [
    ...Array.from({ length: slow }, (_, index) => ({ name: slowName(index + 1), url: `${sink}/${sick}/${slowName(index + 1)}${after}` })),
    { name: refusingName, url: areSick ? `http://127.0.0.1:${refusingPort}/` : `${sink}/${sick}/${refusingName}` },
  ];
}

/** In which order paths are published to: the healthy consumers' channels in turn, the sick one's after every `healthyTurns`. */
export function turnsOf(channels) {
  return Array.from({ length: channels }, (_, round) => [
    ...Array.from({ length: healthyTurns }, (__, index) => (round * healthyTurns + index) % channels),
    channels,
  ]).flat();
}
