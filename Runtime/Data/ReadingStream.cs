using System;
using System.IO;

namespace Graph.Data;

/// <summary>A stream that is read once, from its beginning to its end.</summary>
abstract class ReadingStream : Stream
{
    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public abstract override int Read(Span<byte> buffer);

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int ReadByte()
    {
        Span<byte> one = stackalloc byte[1];
        return Read(one) == 0 ? -1 : one[0];
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}

/// <summary>Another stream up to a number of bytes; the next one is an error.</summary>
sealed class LimitedStream(Stream source, string path, long most) : ReadingStream
{
    long taken;

    public static DataFormatException TooLong(string path, long most) => new(path, $"at most {most} bytes, decompressed (DataLimits.{nameof(DataLimits.Bytes)})", "more");

    public override int Read(Span<byte> buffer)
    {
        var got = source.Read(buffer);
        taken += got;
        return taken <= most ? got : throw TooLong(path, most);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            source.Dispose();
        base.Dispose(disposing);
    }
}
