import { describe, expect, it } from 'vitest';
import { ranked } from './matching';

const user = (id: string, name: string) => ({ id, name, emailHint: '' });
const [zoe, ben, maria, zora] = [user('1', 'Zoë'), user('2', 'Ben'), user('3', 'Maria'), user('4', 'Zora')];

describe('users that match a text', () => {
  it('compares as the service does', () => {
    const [walesa, obrien] = [user('5', 'Lech Wałęsa'), user('6', 'Anne–Marie O’Brien')];
    expect(ranked(' ZOË ', [zoe, ben], [])).toEqual([zoe]);
    expect(ranked('walesa', [walesa, obrien], [])).toEqual([walesa]);
    expect(ranked("anne-marie o'b", [walesa, obrien], [])).toEqual([obrien]);
  });

  it('finds contacts by their handles, and by these alone with the sign in front', () => {
    const [handled, named] = [{ ...ben, handle: 'zed.1' }, user('7', 'Zed')];
    expect(ranked('ZED', [handled, named], [])).toEqual([handled, named]);
    expect(ranked('@zed', [handled, named], [])).toEqual([handled]);
    expect(ranked('@ed', [handled, named], [])).toEqual([]);
  });

  it('puts users first who were paid before, and lists each user once', () => {
    expect(ranked('zo', [zoe, ben], [zora, zoe])).toEqual([zoe, zora]);
  });

  it('shows those that were paid before while nothing is typed', () => {
    expect(ranked('', [zoe, ben], [])).toEqual([zoe, ben]);
  });

  it('puts a contact first who was found by address', () => {
    expect(ranked('m@example.com', [maria], [ben, maria])).toEqual([maria, ben]);
  });
});
