/** Email addresses as users type and paste them. */

import { withoutInvisible } from '@/lib/text';

const SURROUNDINGS = ['<>', '""', "''", '()', '[]', '“”', '‘’', '«»', '„“'];

/** The address without the characters pasted along with it, like `pasted_address` of domain/people/accounts.py. */
export function pastedAddress(pasted: string): string {
  let address = withoutInvisible(pasted)
    .replace(/[\uff01-\uff5e]/gu, (sign) => String.fromCodePoint(sign.charCodeAt(0) - 0xfee0))
    .replace(/[\u3002\uff61]/gu, '.');
  for (let before; before !== address; ) {
    before = address;
    address = address.trim().replace(/[.,;:]+$/, '');
    if (/^mailto:/i.test(address)) address = address.slice(7).split('?')[0] ?? '';
    if (SURROUNDINGS.includes(address.slice(0, 1) + address.slice(-1))) address = address.slice(1, -1);
  }
  return address;
}
