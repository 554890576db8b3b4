import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { FilterSubject, parseFilter, Problem } from '@app/domain';
import { Channels, Consumers } from '@app/storage';
import { Refuses } from '../http/answers.js';
import { Needs } from '../keys/needs.js';
import { filterable, FilterTestBody } from './filter-test.body.js';
import { FilterTestView } from './filter-test.view.js';

@ApiTags('consumers')
@Controller('v1/channels/:channel/consumers/:consumer')
export class FilterTestController {
  constructor(
    private readonly channels: Channels,
    private readonly consumers: Consumers,
  ) {}

  /** Says whether a message would match a filter: the one that is given, or else the consumer's. Nothing is stored or sent. */
  @Post('filter/test')
  @HttpCode(200)
  @Needs('read', 'manage')
  @Refuses('validation-failed', 'malformed-json', 'not-found')
  async test(@Param('channel') channel: string, @Param('consumer') name: string, @Body() body: FilterTestBody): Promise<FilterTestView> {
    const message = filterable(body.message);
    const { id } = await this.channels.get(channel);
    const filter = body.filter ?? (await this.consumers.get(id, name)).filter;
    if (filter === null) return { matches: true, unjudged: null };
    const parsed = parseFilter(filter);
    if ('problems' in parsed) throw Problem.invalid(parsed.problems);
    const { matches, unjudged = null } = new FilterSubject(message).judge(parsed.filter);
    return { matches, unjudged };
  }
}
