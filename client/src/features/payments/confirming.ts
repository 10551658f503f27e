/** The second factor that some payments need: asking for it, and again after a wrong answer. */

import { wrongAnswer, type Answer, type Conversation, type Question, type SecondFactorAnswer } from '@/features/security/questions';
import { formatMoney, type Money } from '@/lib/money';
import { isolated } from '@/realtime/isolated';

/** What the service asks for; bound to recipient, amount and key. */
export interface ConfirmationRequest {
  challenge: string;
  methods: readonly ('TOTP' | 'PASSKEY' | 'RECOVERY_CODE')[];
  passkeyOptions?: unknown;
}

/** What is sent with the same request again. */
export interface Confirmation {
  challenge: string;
  secondFactor: SecondFactorAnswer;
}

/** Why a request moved nothing: a second factor is missing, or the one that was given was not accepted. */
export type ToConfirm = { type: 'to-confirm'; required: ConfirmationRequest } | { type: 'misconfirmed' };

/** Of a challenge. */
const LIFETIME_MILLISECONDS = 5 * 60_000;

interface Words {
  recipient: { name: string };
  amount: Money;
  isScheduled?: boolean;
}

/**
 * Continues after the `first` attempt, until one ends otherwise than with a question to the user. After a wrong answer it
 * is attempted without one, for a new challenge: the old one may have ended. A request whose key has moved the money
 * answers that in any case.
 */
export async function withConfirmation<Ending extends { type: string }>(
  words: Words,
  conversation: Conversation,
  first: Ending | ToConfirm | null,
  attempt: (confirmation?: Confirmation) => Promise<Ending | ToConfirm | null>,
  onAsk: () => void,
): Promise<Exclude<Ending, ToConfirm> | 'cancelled' | null> {
  let fault = '';
  let given: { answer: Answer; isLate: boolean } | null = null;
  let ending = first;
  for (;;) {
    if (isMisconfirmed(ending)) {
      fault = given?.isLate ? 'That took longer than five minutes. Confirm it again.' : given ? wrongAnswer(given.answer) : '';
      ending = await attempt();
      continue;
    }
    if (!isToConfirm(ending)) return ending as Exclude<Ending, ToConfirm> | null;
    onAsk();
    const { required } = ending;
    const begunAt = performance.now();
    const answer = await conversation.ask(questionFor(words, required, fault));
    if (!answer?.secondFactor) return 'cancelled';
    given = { answer, isLate: performance.now() - begunAt > LIFETIME_MILLISECONDS };
    ending = await attempt({ challenge: required.challenge, secondFactor: answer.secondFactor });
  }
}

const isMisconfirmed = (ending: { type: string } | null): boolean => ending?.type === 'misconfirmed';
const isToConfirm = (ending: { type: string } | null): ending is Extract<ToConfirm, { type: 'to-confirm' }> => ending?.type === 'to-confirm';

function questionFor({ recipient, amount, isScheduled }: Words, { methods, passkeyOptions }: ConfirmationRequest, fault: string): Question {
  const what = `${formatMoney(amount)} to ${isolated(recipient.name)}`;
  return {
    title: isScheduled ? 'Confirm this scheduled transfer' : 'Confirm this payment',
    description: isScheduled ? `You are scheduling ${what}.` : `You are sending ${what}.`,
    action: isScheduled ? 'Confirm and schedule' : 'Confirm and send',
    methods,
    passkeyOptions,
    fault,
  };
}
