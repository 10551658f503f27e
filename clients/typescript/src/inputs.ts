/** What callers give, as the API takes it. */

import type { ConfirmationInput, MetadataEntryInput, RecipientInput, User } from './generated.js';

/** Who is to get or to pay money: a user by verified address, by handle or by id, or a user that was read. */
export type Recipient = RecipientInput | User;

/** The key of a call that has an effect once per key, and how long to ask for a lost answer. */
export interface KeyedOptions {
  /** Made by a program that can be restarted, and stored before the call; otherwise by this client. */
  readonly key?: string;
  /** How long to ask for a lost answer; 60 by default. */
  readonly giveUpAfterSeconds?: number;
}

export interface MoveOptions extends KeyedOptions {
  /** Pairs to attach, which only the caller sees. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** The service moves nothing after this instant. */
  readonly notAfter?: Date;
}

export interface ConfirmedOptions extends MoveOptions {
  /** The answer to a ConfirmationRequired, for the same call with the same key. */
  readonly confirmation?: ConfirmationInput;
}

/** Throws a TypeError for what names nobody. */
export function recipientInput(to: Recipient): RecipientInput {
  if (typeof to !== 'object')
    throw new TypeError('Name the recipient as { email }, as { handle }, as { userId }, or give a user.');
  return 'id' in to ? { userId: to.id } : to;
}

/** The id of what was read, or the id that was given. */
export function idOf(thing: { readonly id: string } | string): string {
  return typeof thing === 'string' ? thing : thing.id;
}

/** Metadata as a list of pairs. */
export function entries(metadata: MoveOptions['metadata']): MetadataEntryInput[] | null {
  return metadata ? Object.entries(metadata).map(([key, value]) => ({ key, value })) : null;
}
