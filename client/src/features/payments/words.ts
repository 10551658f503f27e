/** What the user is told about a payment whose outcome is not known yet, or that was not sent. */

import type { Intent } from './payment';
import type { Status } from './payments';

type Kind = Intent['kind'];

/** Empty if there is nothing to say in that phase. */
export function explain(phase: Status['phase'] | undefined, kind: Kind): string {
  const isTransfer = kind === 'TRANSFER';
  switch (phase) {
    case 'repeating':
      return `We haven’t received an answer and are trying again. The ${isTransfer ? 'payment is made' : 'money is added'} only once.`;
    case 'checking':
      return `We haven’t received an answer. We’re checking whether your money was ${doneOf(kind)}.`;
    case 'undecided':
      return isTransfer
        ? 'There is no record of this payment so far, but it may still arrive. You can send it again: it is made only once. Or cancel it.'
        : 'There is no record of it so far, but the request may still arrive. You can try again: the money is added only once. Or cancel it.';
    case 'closing':
      return `We’re still finding out whether your money was ${doneOf(kind)}. This page keeps trying until it knows.`;
    case 'not-sent':
    case 'refused':
    case 'declined':
      return isTransfer ? 'Nothing was taken from your balance.' : 'Your balance did not change.';
    case 'sent':
    case 'sent-otherwise':
      return 'The answer was delayed. It happened only once.';
    default:
      return '';
  }
}

export const doneOf = (kind: Kind): string => (kind === 'TRANSFER' ? 'sent' : 'added');
export const repeatOf = (kind: Kind): string => (kind === 'TRANSFER' ? 'Send it now' : 'Add it now');
export const giveUpOf = (kind: Kind): string => (kind === 'TRANSFER' ? 'Don’t send' : 'Don’t add');
