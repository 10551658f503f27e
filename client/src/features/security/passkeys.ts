/** Passkeys of this device. The library loads when one is used; failures are sentences for the user. */

import type { AuthenticationResponseJSON, PublicKeyCredentialCreationOptionsJSON, PublicKeyCredentialRequestOptionsJSON, RegistrationResponseJSON } from '@simplewebauthn/browser';

export type Passkey<Response> = { response: Response; fault?: undefined } | { response: null; /** Why there is none. */ fault: string };

const library = () => import('@simplewebauthn/browser');

/** False in old browsers, and where a page is not secure. */
export const hasPasskeys = (): boolean => typeof PublicKeyCredential === 'function';

/** Loads the library, so that a press of a button leads to the device's own dialog at once. */
export function preparePasskeys(): void {
  if (hasPasskeys()) library().catch(() => undefined);
}

/** Creates a passkey on this device; `options` are those of the API. */
export function createPasskey(options: unknown): Promise<Passkey<RegistrationResponseJSON>> {
  return attempt(async () =>
    (await library()).startRegistration({ optionsJSON: options as PublicKeyCredentialCreationOptionsJSON }),
  );
}

/** Lets the user choose and unlock a passkey. */
export function readPasskey(options: unknown): Promise<Passkey<AuthenticationResponseJSON>> {
  return attempt(async () =>
    (await library()).startAuthentication({ optionsJSON: options as PublicKeyCredentialRequestOptionsJSON }),
  );
}

/** Whether this browser can offer passkeys while a field is filled in. */
export async function canOfferPasskeys(): Promise<boolean> {
  return hasPasskeys() && (await library().then(({ browserSupportsWebAuthnAutofill }) => browserSupportsWebAuthnAutofill(), () => false));
}

/** Offers the passkeys of this device at the field for the address; null if none was chosen. */
export async function offerPasskeys(options: unknown): Promise<AuthenticationResponseJSON | null> {
  const { startAuthentication } = await library();
  return startAuthentication({ optionsJSON: options as PublicKeyCredentialRequestOptionsJSON, useBrowserAutofill: true }).catch(() => null);
}

export function stopOffering(): void {
  if (hasPasskeys()) library().then(({ WebAuthnAbortService }) => WebAuthnAbortService.cancelCeremony(), () => undefined);
}

async function attempt<Response>(work: () => Promise<Response>): Promise<Passkey<Response>> {
  try {
    return { response: await work() };
  } catch (error) {
    return { response: null, fault: faultOf(error) };
  }
}

/** What went wrong, by the names of WebAuthn's errors. */
export function faultOf(error: unknown): string {
  switch (nameOf(error)) {
    // Cancelled, timed out, or nothing suitable on the device: browsers do not say which.
    case 'NotAllowedError':
    case 'AbortError':
      return 'No passkey was used. Try again, or choose another way.';
    case 'InvalidStateError':
      return 'This device already has a passkey for your account.';
    case 'SecurityError':
      return 'Passkeys don’t work at this address. Open Mini Wallet at its usual address.';
    case 'ConstraintError':
    case 'NotSupportedError':
      return 'This device can’t unlock passkeys with a fingerprint, face or PIN.';
    default:
      return hasPasskeys() ? 'The passkey could not be used. Try again.' : 'This browser can’t use passkeys here.';
  }
}

/** The library wraps the browser's error. */
function nameOf(error: unknown): string | undefined {
  const { name, cause } = error as { name?: string; cause?: { name?: string } };
  return cause?.name ?? name;
}
