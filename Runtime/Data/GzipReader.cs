using System;
using System.IO;
using System.IO.Compression;

namespace Graph.Data;

/// <summary>
/// The decompressed bytes of a gzip file (RFC 1952) that has to be whole. <see cref="GZipStream"/> checks the sum and length of every member, but it takes the end of the file for the end of the data wherever
/// it comes, and passes over what follows the last member. So a small member of known bytes is put behind the file: it comes out last if, and only if, everything before it was whole.
/// </summary>
sealed class GzipReader : ReadingStream
{
    const int BlockBytes = 1 << 16;

    static readonly byte[] mark = Convert.FromHexString("E7C1A95B3D60F8427A1E94CD05B3286F");
    static readonly byte[] markMember = Compress(mark);

    readonly GZipStream members;
    readonly string path;

    // Decompressed and not yet handed on: [start, end). The last bytes may be the mark and are kept back.
    readonly byte[] block = new byte[BlockBytes + mark.Length];
    int start, end;
    bool ended;

    public GzipReader(Stream file, string path)
    {
        this.path = path;
        members = new GZipStream(new FollowedStream(file, markMember), CompressionMode.Decompress);
    }

    static byte[] Compress(byte[] bytes)
    {
        using var memory = new MemoryStream();
        using (var gzip = new GZipStream(memory, CompressionLevel.Optimal)) gzip.Write(bytes);
        return memory.ToArray();
    }

    public override int Read(Span<byte> buffer)
    {
        while (!ended && end - start <= mark.Length)
            Fill();
        var count = Math.Min(Math.Max(0, end - start - mark.Length), buffer.Length);
        block.AsSpan(start, count).CopyTo(buffer);
        start += count;
        if (ended && count == 0 && buffer.Length > 0 && !block.AsSpan(start..end).SequenceEqual(mark))
            throw new DataFormatException(path, "a file compressed by gzip", "a damaged archive (it is cut off, or goes on after its end)");
        return count;
    }

    void Fill()
    {
        block.AsSpan(start..end).CopyTo(block);
        (start, end) = (0, end - start);
        try
        {
            var got = members.Read(block.AsSpan(end));
            end += got;
            ended = got == 0;
        }
        catch (InvalidDataException exception)
        {
            throw new DataFormatException(path, "a file compressed by gzip", $"a damaged archive ({exception.Message})");
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            members.Dispose();
        base.Dispose(disposing);
    }

    // A stream and then some bytes.
    sealed class FollowedStream(Stream first, byte[] second) : ReadingStream
    {
        int position = -1;

        public override int Read(Span<byte> buffer)
        {
            if (position < 0)
            {
                if (first.Read(buffer) is > 0 and var got)
                    return got;
                position = 0;
            }
            var count = Math.Min(second.Length - position, buffer.Length);
            second.AsSpan(position, count).CopyTo(buffer);
            position += count;
            return count;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                first.Dispose();
            base.Dispose(disposing);
        }
    }
}
