import type { MarkdownIt, Token } from 'markdown-it';
import { Html } from '../page/html.ts';

let loading: Promise<MarkdownIt> | undefined;

/** The renderer, loaded when it is first needed; HTML in a text is shown, not interpreted. */
function loadRenderer(): Promise<MarkdownIt> {
  loading ??= import('markdown-it').then(({ default: Renderer }) => new Renderer({ html: false }));
  return loading;
}

/** A page's text as HTML; `fill` changes what stands as code, before it is escaped. */
export async function renderMarkdown(text: string, fill: (code: string) => string): Promise<Html> {
  const renderer = await loadRenderer();
  const tokens = renderer.parse(text, {});
  fillCode(tokens, fill);
  return new Html(renderer.renderer.render(tokens, renderer.options, {}));
}

/** A sentence as HTML. */
export async function renderSentence(text: string): Promise<Html> {
  return new Html((await loadRenderer()).renderInline(text));
}

function fillCode(tokens: readonly Token[], fill: (code: string) => string): void {
  for (const token of tokens) {
    if (token.type === 'fence' || token.type === 'code_inline') token.content = fill(token.content);
    if (token.children) fillCode(token.children, fill);
  }
}
