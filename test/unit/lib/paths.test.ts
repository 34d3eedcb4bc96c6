import { describe, expect, it } from 'vitest';
import { expandHome, homeFolder } from '../../../src/lib/paths.ts';

describe('a leading ~', () => {
  it.each([
    ['~', '/home/u'],
    ['~/a', '/home/u/a'],
    ['~other/a', '~other/a'],
    ['/a/~', '/a/~'],
    ['a', 'a'],
  ])('in %j: %j', (path, expanded) => {
    expect(expandHome(path, '/home/u')).toBe(expanded);
  });

  it('stands for HOME where that is set', () => {
    expect(homeFolder({ HOME: '/home/u' })).toBe('/home/u');
  });
});
