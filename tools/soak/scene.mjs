/** Failed deliveries are tried again for long enough that none dies: what is missing at the end is lost. */
const retry = { delays: [0.5, 1, 2, 4, ...Array.from({ length: 20 }, () => 8)] };

/** The consumers of the one channel, and what is wrong with each; see behaviour.mjs. */
const consumers = [
  { name: 'steady', behaviour: '' },
  { name: 'slow', behaviour: 'afterMs=20&spreadMs=160' },
  { name: 'failing', behaviour: 'failPercent=5' },
  { name: 'hanging', behaviour: 'hangPercent=0.2', timeoutMs: 1000 },
  { name: 'away', behaviour: 'downEverySeconds=90&downForSeconds=10' },
];

/** Deliveries of each message. */
export const copies = consumers.length;

/** As `Broker.register` takes it. */
export const sceneOf = (sinkUrl) => [
  { name: 'soak', retry, consumers: consumers.map(({ behaviour, ...rest }) => ({ ...rest, url: `${sinkUrl}/${rest.name}?${behaviour}` })) },
];
