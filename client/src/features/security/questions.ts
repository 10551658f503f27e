/**
 * Asking the user to confirm something with a second factor or the password: one dialog, one question at a time.
 *
 * A conversation has the dialog from its first question until it ends: after a wrong answer, the next question is shown
 * in the same dialog. `QuestionDialog`, which App.vue shows, gives the answers.
 */

import { shallowRef } from 'vue';
import type { VariablesOf } from '@/api';
import { perUser } from '@/lib/user-scope';
import type { CompleteLogin } from '@/api/second-step';

export type SecondFactorAnswer = VariablesOf<typeof CompleteLogin>['secondFactor'];
export type Answer = { secondFactor: SecondFactorAnswer; password?: undefined } | { password: string; secondFactor?: undefined };
export type Method = 'TOTP' | 'PASSKEY' | 'RECOVERY_CODE' | 'PASSWORD';

/** What is wrong with an answer that the service does not accept. */
export function wrongAnswer({ secondFactor }: Answer): string {
  if (!secondFactor) return 'The password is wrong.';
  if ('totpCode' in secondFactor) return 'That code is wrong, or was used already. Try the next one that your app shows.';
  if ('recoveryCode' in secondFactor) return 'That recovery code is wrong, or was used already.';
  return 'That passkey was not accepted. Try again, or choose another way.';
}

export interface Question {
  title: string;
  description: string;
  /** What the button says that answers it. */
  action: string;
  methods: readonly Method[];
  /** For a passkey, as the API gave them. */
  passkeyOptions: unknown;
  /** What was wrong with the last answer; empty if nothing was. */
  fault: string;
  /** For password managers: whose password it is. */
  email?: string;
}

/** What the dialog shows. */
export interface Asked extends Question {
  /** The answer is being checked. */
  isBusy: boolean;
}

export interface Conversation {
  /** Null if the user cancels. */
  ask(question: Question): Promise<Answer | null>;
  /** Closes the dialog until the next question. */
  hide(): void;
  /** Closes the dialog for good: the next conversation has it. */
  end(): void;
}

export class Questions {
  readonly asked = shallowRef<Asked | null>(null);
  private settle: ((answer: Answer | null) => void) | null = null;
  private last: Promise<void> = Promise.resolve();

  converse(): Conversation {
    let begun: Promise<void> | null = null;
    let hasDialog = false;
    let isOver = false;
    let leave: () => void = () => undefined;
    return {
      ask: async (question) => {
        if (!begun) {
          begun = this.last;
          this.last = new Promise((resolve) => (leave = resolve));
        }
        await begun;
        if (isOver) return null;
        hasDialog = true;
        this.asked.value = { ...question, isBusy: false };
        return new Promise((resolve) => (this.settle = resolve));
      },
      hide: () => {
        if (!hasDialog || isOver) return;
        this.asked.value = null;
        this.settle = null;
      },
      end: () => {
        if (isOver) return;
        isOver = true;
        if (hasDialog) {
          this.asked.value = null;
          this.settle = null;
        }
        // Those behind it wait for those before it.
        void begun?.then(leave);
      },
    };
  }

  answer(given: Answer): void {
    if (!this.asked.value || !this.settle) return;
    this.asked.value = { ...this.asked.value, isBusy: true, fault: '' };
    this.finish(given);
  }

  /** The user does not want to. While an answer is being checked, it is too late for that. */
  cancel(): void {
    if (!this.settle) return;
    this.asked.value = null;
    this.finish(null);
  }

  private finish(given: Answer | null): void {
    const { settle } = this;
    this.settle = null;
    settle?.(given);
  }
}

export const questions = perUser(() => new Questions());
