/** One delivery: what belongs to a message and a consumer. */
export const slot = (id, consumer) => `${id} ${consumer}`;

export const accepted = ({ status }) => status === 200 || status === 201;

/** A 2xx that the consumer sent to its end. */
export const succeeded = ({ complete, code }) => complete === true && code >= 200 && code < 300;

/** A history with what the rules look up. */
export function indexed(history) {
  const { publishes, arrivals, stored } = history;
  return {
    ...history,
    acknowledged: publishes.flatMap(({ answers, channel, key }) => {
      const answer = answers.find(accepted);
      return answer ? [{ id: answer.id, channel, key }] : [];
    }),
    publishOf: new Map(publishes.map((publish) => [publish.key, publish])),
    /** The message that holds a key. */
    holders: new Map(stored.keys.map(({ key, channel, id }) => [`${channel} ${key}`, id])),
    messages: new Map(stored.messages.map((message) => [message.id, message])),
    deliveries: new Map(stored.deliveries.map((delivery) => [slot(delivery.id, delivery.consumer), delivery])),
    attempts: groupBy(stored.attempts, ({ id, consumer }) => slot(id, consumer)),
    arrivals: groupBy(arrivals, ({ id, consumer }) => slot(id, consumer)),
  };
}

function groupBy(list, keyOf) {
  const groups = new Map();
  for (const one of list) {
    const key = keyOf(one);
    const group = groups.get(key);
    if (group) group.push(one);
    else groups.set(key, [one]);
  }
  return groups;
}
