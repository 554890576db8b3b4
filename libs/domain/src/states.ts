/** The states of docs/ARCHITECTURE.md and the numbers that stand for them in the database (TINYINT, never renumbered). */
export const deliveryStatuses = { queued: 1, 'in-flight': 2, 'retry-delivery': 3, 'retry-in-flight': 4, delivered: 5, dead: 6 } as const;
export const messageStatuses = { acknowledged: 1, 'out-for-delivery': 2, scheduled: 3, cancelled: 4 } as const;

export type DeliveryStatus = keyof typeof deliveryStatuses;
export type MessageStatus = keyof typeof messageStatuses;

export const deliveryStatusCode = (name: DeliveryStatus): number => deliveryStatuses[name];
export const messageStatusCode = (name: MessageStatus): number => messageStatuses[name];

const deliveryNames = ['queued', 'in-flight', 'retry-delivery', 'retry-in-flight', 'delivered', 'dead'] as const satisfies DeliveryStatus[];
const messageNames = ['acknowledged', 'out-for-delivery', 'scheduled', 'cancelled'] as const satisfies MessageStatus[];

/** Throws RangeError for a code that no version of Posthorn has written. */
export const deliveryStatusName = (code: number): DeliveryStatus => known(deliveryNames[code - 1], code);

/** Throws RangeError for a code that no version of Posthorn has written. */
export const messageStatusName = (code: number): MessageStatus => known(messageNames[code - 1], code);

function known<Name>(name: Name | undefined, code: number): Name {
  if (name === undefined) throw new RangeError(`unknown status code ${code}`);
  return name;
}
