import { FactBoard, type FactName, type Publish } from '../../src/core/facts.ts';

/** Facts that a test publishes in place of the collectors that would. */
export class TestFacts extends FactBoard {
  readonly publish: Publish<FactName> = this.publisher().publish;
}
