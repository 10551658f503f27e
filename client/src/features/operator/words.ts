/** Actions of operators and restrictions in words. */

import { formatDateTime } from '@/lib/dates';
import { formatMoney } from '@/lib/money';
import type { Action, ActionStatus, Restriction } from './documents';

export const REASON_CHARACTERS = { least: 10, most: 500 };

export const STATUSES: Record<ActionStatus, { label: string; look: string }> = {
  PROPOSED: { label: 'Awaiting approval', look: 'bg-caution-soft text-caution' },
  DONE: { label: 'Done', look: 'bg-incoming-soft text-incoming' },
  REJECTED: { label: 'Rejected', look: 'bg-sunken text-muted' },
};

export const RESTRICTIONS: Record<Restriction, { label: string; hint: string; chip: string }> = {
  SENDING: { label: 'Sending', hint: 'Transfers, payments of requests, and scheduled transfers are refused.', chip: 'Cannot send' },
  RECEIVING: { label: 'Receiving', hint: 'Senders do not find the account, and it cannot request money.', chip: 'Cannot receive' },
  ADDING: { label: 'Adding money', hint: 'Top-ups are refused.', chip: 'Cannot add money' },
};

/** "sending and adding money". */
export function listed(restrictions: readonly Restriction[]): string {
  const names = restrictions.map((each) => RESTRICTIONS[each].label.toLowerCase());
  return [names.slice(0, -1).join(', '), names.at(-1)].filter(Boolean).join(' and ');
}

/** "Reverse $12.50 with its fee", or "Barred from sending until 3 December 2026 at 09:00". */
export function titleOf({ kind, status, amount, includesFee, restrictions, until }: Action): string {
  switch (kind) {
    case 'REVERSE':
      return `${status === 'DONE' ? 'Reversed' : 'Reverse'} ${amount ? formatMoney(amount) : ''} ${includesFee ? 'with' : 'without'} the fee`;
    case 'RESTRICT':
      return `Barred from ${listed(restrictions)}${until ? ` until ${formatDateTime(until)}` : ''}`;
    case 'LIFT':
      return 'Restrictions lifted';
    case 'END_SESSIONS':
      return 'Signed out on all devices';
    case 'CLOSE':
      return 'Account closed';
  }
}

/** Why a reason is not one; empty if it is. */
export function reasonFault(reason: string): string {
  const { length } = [...reason.trim()];
  if (length < REASON_CHARACTERS.least) return `Give a reason of at least ${String(REASON_CHARACTERS.least)} characters.`;
  return length > REASON_CHARACTERS.most ? `The reason is too long: the maximum is ${String(REASON_CHARACTERS.most)} characters.` : '';
}

/** Whether it can be the reference of a transaction. */
export const isReference = (text: string): boolean => /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text.trim());
