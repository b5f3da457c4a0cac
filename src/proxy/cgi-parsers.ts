/** Parsers of response heads with or without a status line: uwsgi and SCGI servers send both. */
import { ResponseHeadParser } from "../http/response-head.ts";
import { SpareParsers } from "./upstream-protocol.ts";

export const cgiParsers = new SpareParsers(() => new ResponseHeadParser("cgi"));
