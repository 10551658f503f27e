/** The places of the wallet, in the order in which people need them. */
import { House, ReceiptText, Send, Settings } from 'lucide-vue-next';

export const places = [
  { to: '/', label: 'Home', icon: House },
  { to: '/send', label: 'Send', icon: Send },
  { to: '/activity', label: 'Activity', icon: ReceiptText },
  { to: '/settings', label: 'Settings', icon: Settings },
] as const;

/** Whether that place is where somebody is, or above it. */
export function isWithin(path: string, place: string): boolean {
  return place === '/' ? path === '/' : path === place || path.startsWith(`${place}/`);
}
