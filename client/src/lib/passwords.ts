/** The strength of a new password, by the service's rules. */

export type PasswordLevel = 'empty' | 'refused' | 'fair' | 'good' | 'strong';

export interface PasswordJudgement {
  level: PasswordLevel;
  words: string;
}

const SHORTEST = 8;
const LONGEST = 128;

/** `common` contains the refused common passwords in lower case. */
export function judgePassword(password: string, common: ReadonlySet<string> | null = null): PasswordJudgement {
  const text = password.normalize('NFKC');
  const length = [...text].length;
  const different = new Set(text).size;
  if (length === 0) return { level: 'empty', words: `At least ${SHORTEST} characters. Three or four random words make a good password.` };
  if (length < SHORTEST) return { level: 'refused', words: `At least ${SHORTEST} characters: ${SHORTEST - length} more to go.` };
  if (length > LONGEST) return { level: 'refused', words: `At most ${LONGEST} characters.` };
  if (different === 1 || common?.has(text.toLowerCase())) {
    return { level: 'refused', words: 'This password is too common. Choose another one.' };
  }
  if (length < 12 || different < 6) return { level: 'fair', words: 'Acceptable. A longer password is safer.' };
  if (length < 16 || different < 9) return { level: 'good', words: 'A good password.' };
  return { level: 'strong', words: 'A strong password.' };
}
