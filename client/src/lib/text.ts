/** What the service makes of texts that people type, so that forms can tell its rules before they send. */

export const NAME_CHARACTERS = 80;
export const NOTE_CHARACTERS = 140;

// As `_DROPPED` of domain/text.py: format characters that show nothing and mean nothing by themselves.
const INVISIBLE =
  /[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0001}]/gu;

/** Without soft hyphens, direction marks and other characters that nobody can see. */
export function withoutInvisible(text: string): string {
  return text.replace(INVISIBLE, '');
}
