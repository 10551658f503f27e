import { expect, test } from 'vitest';
import { handlerFor, type Build } from './requests';

const build: Build = {
  version: '1',
  entry: '/assets/index-a.js',
  routes: ['/', '/send', '/activity/:id', '/@:handle'],
  first: ['/assets/index-a.js'],
  later: ['/assets/Send-b.js'],
  changing: ['/assets/theme.js'],
};
const handler = handlerFor(build, 'https://wallet.example');
const handling = (path: string, mode: RequestMode = 'navigate', method = 'GET') =>
  handler({ method, mode, url: new URL(path, 'https://wallet.example').href });

test('the pages of the client are answered, and no others of the service', () => {
  for (const path of ['/', '/?a=b', '/send?to=1#x', '/activity/A', '/@anna']) expect(handling(path), path).toBe('page');
  for (const path of ['/graphql', '/docs', '/docs/examples.json', '/dev/mail', '/schema.graphql', '/healthz', '/activity/a/b', '/sends']) {
    expect(handling(path), path).toBe('none');
  }
});

test('answers of the API are never kept', () => {
  for (const [path, method] of [['/graphql', 'POST'], ['/graphql?query={viewer{id}}', 'GET'], ['/pusher/auth', 'POST'], ['/send', 'POST']] as const) {
    expect(handling(path, 'cors', method), path).toBe('none');
  }
});

test('only the files of this build are kept', () => {
  expect(handling('/assets/index-a.js', 'cors')).toBe('file');
  expect(handling('/assets/Send-b.js', 'cors')).toBe('file');
  expect(handling('/assets/theme.js', 'no-cors')).toBe('changing-file');
  for (const path of ['/assets/index-old.js', '/assets/pages.css', '/playground/assets/index.js', 'https://elsewhere.example/assets/index-a.js']) {
    expect(handling(path, 'cors'), path).toBe('none');
  }
});
