/** Signing in with a passkey alone: at the press of a button, or offered at the field for the address. */

import { onMounted, onScopeDispose, ref } from 'vue';
import { beginPasskeySignIn, completePasskeySignIn } from '@/api/second-step';
import { canOfferPasskeys, hasPasskeys, offerPasskeys, preparePasskeys, readPasskey, stopOffering } from '@/features/security/passkeys';

/** A challenge is valid for five minutes: what is offered has a newer one. */
const OFFER_MILLISECONDS = 4 * 60_000;
const NOT_ACCEPTED = 'That passkey isn’t known here, or it took too long. Try again, or sign in with your password.';

export function usePasskeySignIn() {
  const isBusy = ref(false);
  const fault = ref('');
  const isOffering = ref(false);
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function complete(challenge: string, passkey: unknown): Promise<void> {
    const refusal = await completePasskeySignIn(challenge, passkey);
    // Signed in, the page stays busy until the next one is there.
    if (!refusal) return;
    isBusy.value = false;
    fault.value = refusal.isWrong ? NOT_ACCEPTED : refusal.message;
  }

  async function signIn(): Promise<void> {
    if (isBusy.value) return;
    isBusy.value = true;
    fault.value = '';
    const { begun, message } = await beginPasskeySignIn();
    // The browser ends the offer by itself.
    const { response, fault: found } = begun ? await readPasskey(begun.options) : { response: null, fault: message };
    if (begun && response) return complete(begun.challenge, response);
    isBusy.value = false;
    fault.value = found ?? '';
    void offer();
  }

  async function offer(): Promise<void> {
    clearTimeout(timer);
    if (!isOffering.value || !(await canOfferPasskeys())) return;
    const { begun } = await beginPasskeySignIn();
    if (!begun || !isOffering.value || isBusy.value) return;
    timer = setTimeout(() => void offer(), OFFER_MILLISECONDS);
    const response = await offerPasskeys(begun.options);
    if (!response || !isOffering.value) return;
    isBusy.value = true;
    fault.value = '';
    await complete(begun.challenge, response);
  }

  function stop(): void {
    isOffering.value = false;
    clearTimeout(timer);
    stopOffering();
  }

  onMounted(() => {
    preparePasskeys();
    isOffering.value = hasPasskeys();
    void offer();
  });
  onScopeDispose(stop);
  return { canSignIn: hasPasskeys(), isBusy, fault, signIn, stop };
}
