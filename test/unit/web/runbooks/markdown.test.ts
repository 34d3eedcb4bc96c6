import { describe, expect, it } from 'vitest';
import { renderMarkdown } from '../../../../src/web/runbooks/markdown.ts';

const render = async (text: string, fill = (code: string) => code) => (await renderMarkdown(text, fill)).text;

describe('the Markdown of a runbook', () => {
  it('shows raw HTML in place of interpreting it', async () => {
    const page = await render('<script>alert(1)</script>\n\na <img src=x onerror=alert(1)> b');
    expect(page).not.toMatch(/<(?:script|img)/);
    expect(page).toContain('&lt;script&gt;');
  });

  it('makes no link of a script', async () => {
    expect(await render('[a](javascript:alert(1)) [b](data:text/html;base64,AA)')).not.toContain('<a');
  });

  it('escapes what its code is filled with, in a line and in a block', async () => {
    const fill = (code: string) => code.replace('NAME', '<b>"&');
    const filled = '&lt;b&gt;&quot;&amp;';
    expect(await render('run `restart NAME` now', fill)).toContain(`<code>restart ${filled}</code>`);
    expect(await render('```sh\nrestart NAME\n```\n', fill)).toContain(`restart ${filled}\n</code>`);
  });

  it('fills nothing but code', async () => {
    expect(await render('NAME and `NAME`', () => 'filled')).toContain('NAME and <code>filled</code>');
  });
});
