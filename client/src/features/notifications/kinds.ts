/** Kinds of notifications: their icons, where they lead, and which are sent by email. */

import { ArrowDownLeft, Bell, CalendarClock, CalendarX2, CircleCheck, CircleX, Clock, HandCoins, Lock, MonitorSmartphone, ShieldCheck, Undo2, Webhook } from 'lucide-vue-next';
import type { Component } from 'vue';
import type { RouteLocationRaw } from 'vue-router';
import { formatMoney } from '@/lib/money';
import { isolated, type Notification } from '@/realtime';

export type Kind = Notification['kind'];

interface Look {
  icon: Component;
  tone: 'plain' | 'incoming' | 'danger';
}

const LOOKS: Partial<Record<Kind, Look>> = {
  MONEY_RECEIVED: { icon: ArrowDownLeft, tone: 'incoming' },
  REQUEST_RECEIVED: { icon: HandCoins, tone: 'plain' },
  REQUEST_REMINDER: { icon: HandCoins, tone: 'plain' },
  REQUEST_PAID: { icon: CircleCheck, tone: 'incoming' },
  REQUEST_DECLINED: { icon: CircleX, tone: 'danger' },
  REQUEST_CANCELLED: { icon: CircleX, tone: 'plain' },
  REQUEST_EXPIRED: { icon: Clock, tone: 'plain' },
  SCHEDULED_TRANSFER_SENT: { icon: CalendarClock, tone: 'plain' },
  SCHEDULED_TRANSFER_FAILED: { icon: CalendarX2, tone: 'danger' },
  TOP_UP_FAILED: { icon: CircleX, tone: 'danger' },
  TRANSACTION_REVERSED: { icon: Undo2, tone: 'plain' },
  ACCOUNT_RESTRICTED: { icon: Lock, tone: 'danger' },
  WEBHOOK_DISABLED: { icon: Webhook, tone: 'danger' },
  NEW_SIGN_IN: { icon: MonitorSmartphone, tone: 'plain' },
  SECURITY_CHANGED: { icon: ShieldCheck, tone: 'plain' },
};

/** A kind that this page does not know yet has a bell. */
export const lookOf = ({ kind }: Pick<Notification, 'kind'>): Look => LOOKS[kind] ?? { icon: Bell, tone: 'plain' };

/** A sentence without a full stop at its end; amounts are as everywhere in this client. */
export function sentenceOf({ kind, message, transaction, paymentRequest, topUp }: Notification): string {
  if (kind === 'MONEY_RECEIVED' && transaction) {
    return `${isolated(transaction.counterparty?.name ?? 'Someone')} sent you ${formatMoney(transaction.amount)}`;
  }
  if (kind === 'SCHEDULED_TRANSFER_SENT' && transaction) {
    return `Your scheduled transfer of ${formatMoney(transaction.amount)} to ${isolated(transaction.counterparty?.name ?? 'another user')} was sent`;
  }
  if (kind === 'TRANSACTION_REVERSED' && transaction) return sentenceOfReversal(transaction);
  if (kind === 'TOP_UP_FAILED' && topUp) return `${formatMoney(topUp.amount)} was not added: the payment failed or was not made in time`;
  return sentenceOfRequest(kind, paymentRequest) ?? message.replace(/(?<=[^.])\.$/, '');
}

function sentenceOfReversal({ direction, amount, counterparty }: NonNullable<Notification['transaction']>): string {
  const sum = formatMoney(amount);
  if (!counterparty) return `${sum} that you had added was taken back`;
  const name = isolated(counterparty.name);
  return direction === 'INCOMING' ? `${sum} that you had sent to ${name} was returned to you` : `${sum} that ${name} had sent you was taken back`;
}

function sentenceOfRequest(kind: Kind, request: Notification['paymentRequest']): string | null {
  if (!request) return null;
  const amount = formatMoney(request.amount);
  const requester = isolated(request.requester.name);
  const payer = isolated(request.payer?.name ?? 'Someone');
  switch (kind) {
    case 'REQUEST_RECEIVED':
      return `${requester} requests ${amount} from you`;
    case 'REQUEST_REMINDER':
      return `${requester} reminds you of a request for ${amount}`;
    case 'REQUEST_PAID':
      return `${payer} paid your request for ${amount}`;
    case 'REQUEST_DECLINED':
      return `${payer} declined your request for ${amount}`;
    case 'REQUEST_CANCELLED':
      return `${requester} cancelled a request for ${amount}`;
    case 'REQUEST_EXPIRED':
      return `A request for ${amount} expired`;
    default:
      return null;
  }
}

/** The page of its subject; null if it has none, or one that this page does not know yet. */
export function placeOf({ kind, transaction, webhook, paymentRequest, scheduledTransfer, topUp }: Notification): RouteLocationRaw | null {
  if (paymentRequest) return { name: 'payment-request', params: { id: paymentRequest.id } };
  if (scheduledTransfer) return { name: 'scheduled-transfer', params: { id: scheduledTransfer.id } };
  if (transaction) return { name: 'transaction', params: { id: transaction.id } };
  if (topUp) return { name: 'top-up', query: { topUp: topUp.id } };
  if (webhook) return { name: 'webhook', params: { id: webhook.id } };
  if (kind.startsWith('REQUEST_')) return { name: 'requests' };
  switch (kind) {
    case 'WEBHOOK_DISABLED':
      return { name: 'webhooks' };
    case 'NEW_SIGN_IN':
      return { name: 'devices' };
    case 'SECURITY_CHANGED':
      return { name: 'security' };
    default:
      return null;
  }
}

interface MailChoice {
  kind: Kind;
  label: string;
  hint?: string;
}

/** What can be mailed, of what happens today. */
export const MAIL_CHOICES: { title: string; choices: MailChoice[] }[] = [
  {
    title: 'Money',
    choices: [
      { kind: 'MONEY_RECEIVED', label: 'You receive money' },
      { kind: 'SCHEDULED_TRANSFER_SENT', label: 'A scheduled transfer is sent' },
      { kind: 'SCHEDULED_TRANSFER_FAILED', label: 'A scheduled transfer could not be sent' },
      { kind: 'TOP_UP_FAILED', label: 'A top-up fails' },
      { kind: 'TRANSACTION_REVERSED', label: 'A transaction is reversed' },
      { kind: 'ACCOUNT_RESTRICTED', label: 'Your account is restricted' },
    ],
  },
  {
    title: 'Requests',
    choices: [
      { kind: 'REQUEST_RECEIVED', label: 'Someone requests money from you' },
      { kind: 'REQUEST_REMINDER', label: 'You are reminded of a request' },
      { kind: 'REQUEST_PAID', label: 'Your request is paid' },
      { kind: 'REQUEST_DECLINED', label: 'Your request is declined' },
      { kind: 'REQUEST_CANCELLED', label: 'A request to you is cancelled' },
      { kind: 'REQUEST_EXPIRED', label: 'A request expires' },
    ],
  },
  {
    title: 'Programs',
    choices: [
      {
        kind: 'WEBHOOK_DISABLED',
        label: 'A webhook is disabled',
        hint: 'Its endpoint has not accepted anything for three days, or asked us to stop.',
      },
    ],
  },
];

/** Always mailed. */
export const ALWAYS_MAILED = [
  'A new device signs in',
  'Your password or a second factor changes',
  'An API token is created or revoked',
];
