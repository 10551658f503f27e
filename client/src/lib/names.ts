/** Initials of names. */

/** One or two letters: "UA" for "User Alpha". */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/u).filter((word) => /[\p{L}\p{N}]/u.test(word));
  const chosen = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  const letters = chosen.map((word) => (/[\p{L}\p{N}]\p{M}*/u.exec(word ?? '') ?? [''])[0].toLocaleUpperCase());
  return letters.join('') || '?';
}
