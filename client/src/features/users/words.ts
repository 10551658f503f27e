/** Users in words. */

import type { User } from '@/features/payments/payment';

type Details = Pick<User, 'handle' | 'emailHint'>;

/** What tells users of one name apart: "@user.beta · u…a@demo.app". */
export function detailsOf({ handle, emailHint }: Details): string {
  return [handle ? `@${handle}` : '', emailHint].filter(Boolean).join(' · ');
}

/** How the service names users who have closed their account. */
const CLOSED = 'Closed account';

/** They have neither handle nor address, by which a user with that name can be told from them. */
export const isClosed = ({ name, handle, emailHint }: Pick<User, 'name' | 'handle' | 'emailHint'>): boolean =>
  name === CLOSED && !handle && !emailHint;

/** The link by which others pay a user. */
export const linkOf = (handle: string): string => `${location.origin}/@${handle}`;
