/** The table of the main pages: a page with a row here is in the navigation of every screen size, and on Home. */
import { ArrowLeftRight, Bell, BriefcaseBusiness, CalendarClock, HandCoins, House, Inbox, ReceiptText, Send, Settings, Split } from 'lucide-vue-next';
import { isOperator } from '@/features/profile/role';
import { unreadNotifications } from '@/realtime';
import { barOf, type Place } from './places';

/** In the order of the sidebar. */
export const places: readonly Place[] = [
  { to: '/', label: 'Home', icon: House, onPhones: 'bar', words: 'Your balance and latest activity' },
  { to: '/send', label: 'Send', icon: Send, onPhones: 'pay', words: 'Pay someone now' },
  { to: '/request', label: 'Request', icon: HandCoins, onPhones: 'pay', words: 'Ask someone for money, or share a link' },
  { to: '/split', label: 'Split', icon: Split, onPhones: 'pay', words: 'Divide a bill among people' },
  { to: '/activity', label: 'Activity', icon: ReceiptText, onPhones: 'bar', words: 'Every transaction' },
  { to: '/requests', label: 'Requests', icon: Inbox, onPhones: 'more', words: 'What others request from you, and what you requested' },
  { to: '/scheduled', label: 'Scheduled', icon: CalendarClock, onPhones: 'more', words: 'Transfers that are sent later or regularly' },
  {
    to: '/notifications',
    label: 'Notifications',
    icon: Bell,
    onPhones: 'header',
    words: 'What happened in your wallet',
    count: () => unreadNotifications.value,
    countName: 'unread',
  },
  {
    to: '/operator',
    label: 'Back office',
    icon: BriefcaseBusiness,
    onPhones: 'more',
    words: 'Accounts, reversals and totals',
    isShown: isOperator,
  },
  { to: '/settings', label: 'Settings', icon: Settings, onPhones: 'more', words: 'Your profile, security and appearance' },
];

export const bar = barOf(places, ArrowLeftRight);
/** The ways to move money, the most common one first. */
export const waysToPay = places.filter(({ onPhones }) => onPhones === 'pay');
export const inHeader = places.filter(({ onPhones }) => onPhones === 'header');
