/** Checks of fields before a form is sent; the service checks again. */

import { pastedAddress } from '@/lib/addresses';
import { cleanText, nameFault } from '@/lib/text';

export function checkEmail(email: string): string | undefined {
  const address = pastedAddress(email);
  if (address === '') return 'Enter your email address.';
  if (!/^\S+@\S+\.\S+$/.test(address)) return 'Enter an email address such as name@example.com.';
  return undefined;
}

export function checkName(name: string): string | undefined {
  return cleanText(name) === '' ? 'Enter your name.' : nameFault(name);
}

/** Removes the fields without an error. */
export function faults<Field extends string>(
  found: Partial<Record<Field, string | undefined>>,
): Partial<Record<Field, string>> {
  return Object.fromEntries(Object.entries(found).filter(([, text]) => text)) as Partial<Record<Field, string>>;
}
