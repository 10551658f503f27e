import { House } from 'lucide-vue-next';
import { expect, test } from 'vitest';
import { barOf, countIn, currentOf, isGroup, type Place, type PlaceGroup } from './places';

const place = (label: string, onPhones: Place['onPhones'], count = 0): Place => ({
  to: `/${label.toLowerCase()}`,
  label,
  icon: House,
  onPhones,
  words: label,
  count: () => count,
});

const labels = (places: Place[]) => barOf(places, House).map((item) => (isGroup(item) ? [item.label, ...item.places.map(({ label }) => label)] : item.label));

test('places of a kind share a button of the bar, in the middle if they move money', () => {
  const all = [
    place('Home', 'bar'),
    place('Send', 'pay'),
    place('Request', 'pay'),
    place('Activity', 'bar'),
    place('Requests', 'bar'),
    place('Schedules', 'more'),
    place('Notifications', 'header'),
    place('Settings', 'more'),
  ];
  expect(labels(all)).toEqual(['Home', 'Activity', ['Pay', 'Send', 'Request'], 'Requests', ['More', 'Schedules', 'Settings']]);
});

test('a place that would be alone behind a button is in the bar itself', () => {
  const few = [place('Home', 'bar'), place('Send', 'pay'), place('Activity', 'bar'), place('Settings', 'more')];
  expect(labels(few)).toEqual(['Home', 'Activity', 'Send', 'Settings']);
  expect(labels([place('Home', 'bar')])).toEqual(['Home']);
});

test('the current page and the pages above it are told apart', () => {
  expect(currentOf('/activity', '/activity')).toBe('page');
  expect(currentOf('/activity/A', '/activity')).toBe('true');
  expect(currentOf('/activities', '/activity')).toBeUndefined();
  expect(currentOf('/', '/')).toBe('page');
  expect(currentOf('/send', '/')).toBeUndefined();
});

test('a button shows what waits behind it', () => {
  const [group] = barOf([place('Schedules', 'more', 2), place('Settings', 'more', 3)], House);
  expect(countIn(group as PlaceGroup)).toBe(5);
});
