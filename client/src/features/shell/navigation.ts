/** The main pages of the wallet. */
import { House, ReceiptText, Send, Settings } from 'lucide-vue-next';

export const places = [
  { to: '/', label: 'Home', icon: House },
  { to: '/send', label: 'Send', icon: Send },
  { to: '/activity', label: 'Activity', icon: ReceiptText },
  { to: '/settings', label: 'Settings', icon: Settings },
] as const;

/** Whether the path is that page or below it. */
export function isWithin(path: string, place: string): boolean {
  return place === '/' ? path === '/' : path === place || path.startsWith(`${place}/`);
}
