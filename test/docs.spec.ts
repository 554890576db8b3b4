import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'helm/posthorn/README.md',
  ...markdownIn('docs'),
  ...markdownIn('docs/decisions'),
];

function markdownIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.md'))
    .map((name) => `${folder}/${name}`);
}

/** Without code, in which `[a](b)` is no link. */
const proseOf = (page: string): string =>
  readFileSync(page, 'utf8')
    .replace(/^```.*?^```$/gms, '')
    .replace(/`[^`\n]+`/g, 'code');
const linksOf = (page: string): string[] => [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!);

/** As GitHub makes them of headings. */
const anchorsOf = (page: string): Set<string> =>
  new Set(
    [
      ...readFileSync(page, 'utf8')
        .replace(/^```.*?^```$/gms, '')
        .matchAll(/^#+ (.+)$/gm),
    ].map(([, title]) =>
      title!
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );

it('has no link to a page or a heading that is not there', () => {
  const dead = pages.flatMap((page) =>
    linksOf(page)
      .filter((link) => !/^(?:https?|mailto):/.test(link))
      .filter((link) => {
        const [file = '', anchor] = link.split('#');
        const target = file === '' ? page : path.join(path.dirname(page), file);
        return !existsSync(target) || (anchor !== undefined && !anchorsOf(target).has(anchor));
      })
      .map((link) => `${page}: ${link}`),
  );
  expect(dead).toEqual([]);
});

it('has every page in its index', () => {
  const index = new Set(linksOf('docs/README.md').map((link) => path.join('docs', link)));
  expect(markdownIn('docs').filter((page) => page !== 'docs/README.md' && !index.has(page))).toEqual([]);
});

it('names no file of ours that is not there', () => {
  const present = pages.filter((page) => page !== 'CHANGELOG.md' && !page.startsWith('docs/decisions/'));
  const missing = present.flatMap((page) =>
    [...readFileSync(page, 'utf8').matchAll(/`((?:apps|libs|test|tools|docs|helm)\/[\w./-]+\.\w+)`/g)]
      .filter(([, file]) => !file!.includes('NNNN') && !existsSync(file!))
      .map(([, file]) => `${page}: ${file}`),
  );
  expect(missing).toEqual([]);
});
