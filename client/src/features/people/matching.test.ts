import { describe, expect, it } from 'vitest';
import { ranked } from './matching';

const person = (id: string, name: string) => ({ id, name, emailHint: '' });
const [zoe, ben, maria, zora] = [person('1', 'Zoë'), person('2', 'Ben'), person('3', 'Maria'), person('4', 'Zora')];

describe('people that a text means', () => {
  it('compares as the service does', () => {
    const [walesa, obrien] = [person('5', 'Lech Wałęsa'), person('6', 'Anne–Marie O’Brien')];
    expect(ranked(' ZOË ', [zoe, ben], [])).toEqual([zoe]);
    expect(ranked('walesa', [walesa, obrien], [])).toEqual([walesa]);
    expect(ranked("anne-marie o'b", [walesa, obrien], [])).toEqual([obrien]);
  });

  it('puts those first that were paid before, and nobody twice', () => {
    expect(ranked('zo', [zoe, ben], [zora, zoe])).toEqual([zoe, zora]);
  });

  it('shows those that were paid before while nothing is typed', () => {
    expect(ranked('', [zoe, ben], [])).toEqual([zoe, ben]);
  });

  it('puts a known person first who was found by address', () => {
    expect(ranked('m@example.com', [maria], [ben, maria])).toEqual([maria, ben]);
  });
});
