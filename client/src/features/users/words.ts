/** Users in words. */

import type { User } from '@/features/payments/payment';

type Details = Pick<User, 'handle' | 'emailHint'>;

/** What tells users of one name apart: "@user.beta · u…a@demo.app". */
export function detailsOf({ handle, emailHint }: Details): string {
  return [handle ? `@${handle}` : '', emailHint].filter(Boolean).join(' · ');
}

/** The link by which others pay a user. */
export const linkOf = (handle: string): string => `${location.origin}/@${handle}`;
