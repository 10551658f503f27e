/** Folds texts for comparison as the service does, so that both find the same users. */

import FOLDS from '@/lib/folding.json';
import { withoutInvisible } from '@/lib/text';

// The same file as domain/folding.json: what each becomes, and all characters that become it.
const folds = new Map(Object.entries(FOLDS).flatMap(([become, characters]) => [...characters].map((each) => [each, become] as const)));

/** Without case, marks, typographic signs and strokes: "Wałęsa" is "walesa", "O’Brien" is "o'brien". */
export function folded(text: string): string {
  const decomposed = withoutInvisible(text).toLowerCase().normalize('NFKD').toLowerCase();
  return [...decomposed]
    .map((character) => folds.get(character) ?? (/[\p{Mn}\p{Cc}\p{Cf}\p{Cs}]/u.test(character) ? '' : character))
    .join('')
    .replace(/\s+/gu, ' ')
    .trim();
}
