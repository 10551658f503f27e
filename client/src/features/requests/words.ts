/** What is said of payment requests. */

import { now } from '@/lib/clock';
import { formatDateTime, formatShortDate } from '@/lib/dates';
import { formatMoney } from '@/lib/money';
import { isolated } from '@/realtime';
import type { PaymentRequest, RequestStatus } from './documents';

export const ANYONE = 'Anyone with the link';

export const STATUSES: Record<RequestStatus, { label: string; look: string }> = {
  PENDING: { label: 'Waiting', look: 'bg-accent-soft text-accent' },
  PAID: { label: 'Paid', look: 'bg-incoming-soft text-incoming' },
  DECLINED: { label: 'Declined', look: 'bg-danger-soft text-danger' },
  CANCELLED: { label: 'Cancelled', look: 'bg-sunken text-muted' },
  EXPIRED: { label: 'Expired', look: 'bg-sunken text-muted' },
};

/** The status at this moment: from `expiresAt` on a request has expired, before the service says so; reactive. */
export function statusOf({ status, expiresAt }: Pick<PaymentRequest, 'status' | 'expiresAt'>): RequestStatus {
  return status === 'PENDING' && Date.parse(expiresAt) <= now() ? 'EXPIRED' : status;
}

/** The other person of a user's request; null for anyone. */
export function otherSide(request: PaymentRequest, userId: string | undefined): { id: string; name: string } | null {
  return request.requester.id === userId ? request.payer : request.requester;
}

/** "You requested $12.50 from Bo", or "Bo requests $12.50 from you". */
export function titleOf(request: PaymentRequest, userId: string | undefined): string {
  const amount = formatMoney(request.amount);
  const requester = isolated(request.requester.name);
  if (request.requester.id !== userId) {
    return statusOf(request) === 'PENDING' ? `${requester} requests ${amount} from you` : `${requester} requested ${amount} from you`;
  }
  return `You requested ${amount} from ${request.payer ? isolated(request.payer.name) : 'anyone with the link'}`;
}

/** What happened to a closed request, to someone who may be neither requester nor payer; empty while it can be paid. */
export function endOf(request: PaymentRequest): string {
  const closed = formatDateTime(request.closedAt ?? request.expiresAt);
  const name = isolated(request.requester.name);
  switch (statusOf(request)) {
    case 'PENDING':
      return '';
    case 'PAID':
      return `It was paid on ${closed}. It can’t be paid again.`;
    case 'DECLINED':
      return `It was declined on ${closed}. If you want to pay anyway, ${name} can request it again.`;
    case 'CANCELLED':
      return `${name} cancelled it on ${closed}. There is nothing to pay.`;
    case 'EXPIRED':
      return `It could be paid until ${formatDateTime(request.expiresAt)}. ${name} can request it again.`;
  }
}

/** The second line of a list: "Until 5 Dec 2026" or when it was closed. */
export function lineOf(request: PaymentRequest): string {
  if (statusOf(request) === 'PENDING') return `Until ${formatShortDate(request.expiresAt)}`;
  return formatShortDate(request.closedAt ?? request.expiresAt);
}
