import { type Id, orderingHash } from '@app/domain';
import type { Audience } from '../audiences.js';
import { failUnless } from '../fence.js';
import { byId } from '../key-rows.js';
import type { Statement } from '../packets.js';
import { FANOUTS } from './enqueue.js';

type Keyed = { channelId: number; orderingKey: string | null; due?: unknown };

/** Of these messages the keys, hashed, that are in order for a consumer whose deliveries would be made at once. */
export const keysInOrder = (messages: readonly Keyed[], audiences: ReadonlyMap<number, Audience>): Id[] =>
  keysOf(messages.filter(({ channelId }) => audiences.get(channelId)?.ordered));

/** The keys, hashed, of those of these messages that leave now. */
export const keysOf = (messages: readonly Keyed[]): Id[] =>
  [...new Set(messages.flatMap(({ orderingKey, due }) => (orderingKey === null || due ? [] : orderingHash(orderingKey))))].toSorted(byId);

const PENDING = `key_head FORCE INDEX (PRIMARY) WHERE consumer_id = ${FANOUTS} AND key_hash IN (?)`;

/**
 * Ends the packet when a message with one of these keys waits for its fan-out: what came later must not be ready before it. To be sent behind the lock of the
 * channels, like {@link pendingFanouts}: whatever was answered before is seen then, and a fan-out that ends meanwhile has its deliveries in front.
 */
export const expectNoFanouts = (keyHashes: readonly Id[]): Statement[] =>
  keyHashes.length === 0 ? [] : [failUnless(`NOT EXISTS (SELECT 1 FROM ${PENDING})`, [keyHashes])];

export type PendingFanout = { hash: Id };

/** Reads which of these keys have messages that wait for their fan-out, on this channel or on another; see {@link PendingFanout}. */
export const pendingFanouts = (keyHashes: readonly Id[]): Statement[] =>
  keyHashes.length === 0 ? [] : [{ sql: `SELECT key_hash AS hash FROM ${PENDING}`, values: [keyHashes] }];
