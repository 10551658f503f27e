/** A hint on how good a password is, by the server's own rules; the server's word counts. */

export type PasswordLevel = 'empty' | 'refused' | 'fair' | 'good' | 'strong';

export interface PasswordJudgement {
  level: PasswordLevel;
  words: string;
}

const SHORTEST = 8;
const LONGEST = 128;

export function judgePassword(password: string): PasswordJudgement {
  const length = [...password].length;
  if (length === 0) return { level: 'empty', words: `At least ${SHORTEST} characters. A few words in a row make a good one.` };
  if (length < SHORTEST) return { level: 'refused', words: `${SHORTEST - length} more to go: at least ${SHORTEST} characters.` };
  if (length > LONGEST) return { level: 'refused', words: `At most ${LONGEST} characters.` };
  return { level: 'good', words: 'Good password.' };
}
