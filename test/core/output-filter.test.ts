import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { filterOutput, OutputFilter } from '../../core/output-filter.ts';

const filtered = (text: string) => Buffer.from(filterOutput(Buffer.from(text, 'latin1'))).toString('latin1');

describe('output filter', () => {
  it('shortens a progress bar to its first piece and the last complete one', () => {
    assert.equal(filtered('98%\r99%\r100%\r\n\nc\n'), '98%\n[...]\n100%\n\nc');
    assert.equal(filtered('99%\r100%\r\n'), '99%\n100%');
    assert.equal(filtered('a\rb\rc\n'), 'a\nb');
  });

  it('keeps text with CRLF line ends line by line', () => {
    assert.equal(filtered('one\r\ntwo\r\n'), 'one\ntwo');
  });

  it('keeps 4096 bytes of either end and says how much is missing', () => {
    const text = `${'a'.repeat(4096)}${'b'.repeat(1_000)}${'c'.repeat(4096)}`;
    assert.equal(filtered(text), `${'a'.repeat(4096)}\n... omitting 1000 bytes ...\n${'c'.repeat(4096)}`);
    const whole = `${'a'.repeat(4096)}${'c'.repeat(4096)}`;
    assert.equal(filtered(whole), whole);
  });

  it('trims white space around, and keeps bytes that are no UTF-8', () => {
    assert.equal(filtered(' \n\t\xff\xfe x\n\n'), '\xff\xfe x');
    assert.equal(filtered(' \r\n '), '');
  });

  it('gives the same whatever the sizes of the pieces it is fed', () => {
    let text = '';
    for (let line = 0; line < 600; line += 1) {
      text += `line ${line}`;
      for (let piece = 0; piece < line % 5; piece += 1)
        text += `\r${'x'.repeat((line * 37 + piece * 11) % 900)}`;
      text += '\n';
    }
    const bytes = Buffer.from(text, 'latin1');
    const whole = Buffer.from(filterOutput(bytes)).toString('latin1');
    for (const size of [1, 7, 100, 4_097, 65_536]) {
      const filter = new OutputFilter();
      for (let at = 0; at < bytes.length; at += size) filter.write(bytes.subarray(at, at + size));
      assert.equal(Buffer.from(filter.finish()).toString('latin1'), whole, `pieces of ${size}`);
    }
    assert.ok(whole.includes('omitting'));
  });

  it('gives exactly what a straightforward filter gives, for lines and pieces longer than what is kept', () => {
    const pieces = ['first', 'y'.repeat(30_000), `${'p'.repeat(6_000)}${'q'.repeat(6_000)}`, ''];
    const expected = `first\n[...]\n${'p'.repeat(6_000)}${'q'.repeat(6_000)}\nend`;
    const omitted = expected.length - 8_192;
    assert.equal(
      filtered(`${pieces.join('\r')}\nend`),
      `${expected.slice(0, 4_096)}\n... omitting ${omitted} bytes ...\n${expected.slice(-4_096)}`,
    );
  });

  it('does not stall on one very long line', () => {
    const filter = new OutputFilter();
    const chunk = Buffer.alloc(1 << 20, 'z');
    for (let mb = 0; mb < 64; mb += 1) filter.write(chunk);
    assert.ok(filter.finish().length < 8_300);
  });
});
