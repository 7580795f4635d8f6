/** Asks for what a status format needs and prints it as it comes (spec: cli.md §3, since-0.36.md §1.4, §1.5). */
import type { StateCounts } from '../core/client-replies.ts';
import type { Selector } from '../core/selector.ts';
import type { StatusJob } from '../core/status-job.ts';
import type { Client, StatusQuery } from './client.ts';
import type { Context } from './command.ts';
import { UsageError } from './flags.ts';
import { addCounts, countsText, NO_COUNTS } from './output/counts.ts';
import { detailsText } from './output/details.ts';
import { JsonArrayText } from './output/json.ts';
import { summaryText } from './output/summary.ts';
import { DEFAULT_LAYOUT, groupedRows, parseLayout, tableHeader, tableRow } from './output/table.ts';

const FORMATS = ['counts', 'summary', 'details', 'json', 'plain', 'table'] as const;
export type OutputFormat = (typeof FORMATS)[number];

/** @throws {UsageError} */
export function outputFormat(word: string): OutputFormat {
  const format = FORMATS.find((name) => name === word || name[0] === word);
  if (format === undefined)
    throw new UsageError(
      `--output must be one of ${FORMATS.join(', ')} or their first letters, not "${word}"`,
    );
  return format;
}

export interface StatusOutputOptions {
  /** Show what failed commands printed. */
  readonly output: boolean;
  /** `$WR_STATUS_FORMAT` */
  readonly layout: string | undefined;
}

type Query = Omit<StatusQuery, 'select'>;

export class StatusOutput {
  readonly #client: Client;
  readonly #context: Pick<Context, 'out'>;
  readonly #options: StatusOutputOptions;
  readonly #now: () => number;

  constructor(
    client: Client,
    context: Pick<Context, 'out'>,
    options: StatusOutputOptions,
    now: () => number = Date.now,
  ) {
    this.#client = client;
    this.#context = context;
    this.#options = options;
    this.#now = now;
  }

  /** @returns the exit code */
  async show(format: OutputFormat, selectors: readonly Selector[], query: Query): Promise<number> {
    switch (format) {
      case 'counts':
        await this.#counts(selectors, query);
        return 0;
      case 'summary':
        await this.#summary(selectors, query);
        return 0;
      case 'plain':
        return this.#plain(selectors, query);
      case 'json':
        await this.#json(selectors, query);
        return 0;
      case 'details':
        await this.#details(selectors, query);
        return 0;
      case 'table':
        await this.#table(selectors, query);
        return 0;
      default:
        return format satisfies never;
    }
  }

  async #counts(selectors: readonly Selector[], query: Query): Promise<void> {
    let counts: StateCounts = NO_COUNTS;
    for (const select of selectors)
      counts = addCounts(counts, (await this.#client.counts({ ...query, select })).counts);
    await this.#context.out(countsText(counts));
  }

  async #summary(selectors: readonly Selector[], query: Query): Promise<void> {
    const [select, ...others] = selectors;
    if (select === undefined) {
      await this.#context.out('\n');
      return;
    }
    if (others.length > 0)
      throw new UsageError('a summary of so many commands by name is too much; use -i, or another --output');
    await this.#context.out(summaryText(await this.#client.summary({ ...query, select })));
  }

  async #plain(selectors: readonly Selector[], query: Query): Promise<number> {
    let buried = 0;
    for (const select of selectors) {
      await this.#client.plain({ ...query, select }, async (page) => {
        buried += page.buried;
        await this.#context.out(page.text);
      });
    }
    return buried > 0 ? 1 : 0;
  }

  async #json(selectors: readonly Selector[], query: Query): Promise<void> {
    const array = new JsonArrayText();
    if (query.limit) await this.#jobs(selectors, query, (jobs) => array.part(jobs));
    else await this.#jsonText(selectors, query, array);
    await this.#context.out(array.end());
  }

  async #jsonText(selectors: readonly Selector[], query: Query, array: JsonArrayText): Promise<void> {
    const { out } = this.#context;
    for (const select of selectors) {
      await this.#client.json({ ...query, select }, async ({ text, jobs }) => {
        if (text.byteLength > 0) {
          await out(array.before());
          await out(text);
        }
        if (jobs.length > 0) await out(array.part(jobs));
      });
    }
  }

  async #details(selectors: readonly Selector[], query: Query): Promise<void> {
    const options = { nowMs: this.#now(), output: this.#options.output, env: query.env === true };
    await this.#jobs(selectors, query, (jobs) => jobs.map((job) => detailsText(job, options)).join(''));
    await this.#context.out('\n');
  }

  async #table(selectors: readonly Selector[], query: Query): Promise<void> {
    const columns = parseLayout(this.#options.layout || DEFAULT_LAYOUT);
    await this.#context.out(tableHeader(columns));
    // With a limit there are few rows, and the first must already say how many there are of its kind.
    const limited: StatusJob[] = [];
    await this.#jobs(selectors, query, (jobs) => {
      if (!query.limit) return jobs.map((job) => tableRow(columns, job, 1)).join('');
      limited.push(...jobs);
      return '';
    });
    await this.#context.out(`${groupedRows(columns, limited)}\n`);
  }

  async #jobs(
    selectors: readonly Selector[],
    query: Query,
    text: (jobs: readonly StatusJob[]) => string,
  ): Promise<void> {
    for (const select of selectors) {
      await this.#client.jobs({ ...query, select }, async ({ jobs }) => {
        if (jobs.length > 0) await this.#context.out(text(jobs));
      });
    }
  }
}
