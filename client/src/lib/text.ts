/** The service's rules for names and notes, so that forms can apply them before they send. */

export const NAME_CHARACTERS = 80;
export const NOTE_CHARACTERS = 140;

// As `_DROPPED` and `_BREAKS` of domain/text.py.
const DROPPED =
  /[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0001}]/gu;
const BREAKS = /[\t-\r\u0085\u2028\u2029]/gu;
// Joiners and flag tags are part of emoji; only the service decides about unassigned characters.
const REFUSED = /[\p{Cc}\p{Cs}\p{Co}\u115f\u1160\u2800\u3164\uffa0]|(?![\u200c\u200d]|[\u{e0020}-\u{e007f}])\p{Cf}/u;

/** Removes invisible format characters, and replaces line breaks and tabs by spaces. */
export function withoutInvisible(text: string): string {
  return text.replace(DROPPED, '').replace(BREAKS, ' ');
}

/** A name or note as the service stores it; characters that it refuses are kept. */
export function cleanText(text: string): string {
  return withoutInvisible(text).normalize('NFC').replace(/\s+/gu, ' ').trim();
}

/** The length of a name or note as the service counts it: code points of the stored text. */
export function textLength(text: string): number {
  return [...cleanText(text)].length;
}

/** Why the service refuses a text; `what` is its subject, such as "The note". */
export function textFault(text: string, what: string, maximum: number): string | undefined {
  if (REFUSED.test(cleanText(text))) return `${what} contains a control or invisible character. Remove it and try again.`;
  const excess = textLength(text) - maximum;
  if (excess <= 0) return undefined;
  return `${what} is ${String(excess)} ${excess === 1 ? 'character' : 'characters'} too long: the maximum is ${String(maximum)}.`;
}

/** The same for a name, which must not be empty. */
export function nameFault(name: string, what = 'The name'): string | undefined {
  const isBlank = !/[\p{L}\p{N}\p{S}\p{P}\p{Cn}]/u.test(cleanText(name));
  return textFault(name, what, NAME_CHARACTERS) ?? (isBlank ? `${what} is empty. Enter at least one letter.` : undefined);
}
